package dev.lockstep.worker.cuda;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What libtorch says when something goes wrong on a GPU, told apart: memory ran out, or the process is of no more use. */
public final class CudaFailures {
    private static final String OUT_OF_MEMORY = "CUDA out of memory";
    private static final String SIZE = "([0-9.]+ [KMG]?i?(?:B|bytes))";
    private static final Pattern NEEDED = Pattern.compile("Tried to allocate " + SIZE);
    private static final Pattern TOTAL = Pattern.compile("total capacity of " + SIZE);
    private static final Pattern FREE = Pattern.compile("of which " + SIZE + " is free");

    /** Of the runtime, of cuDNN, of cuBLAS, of NCCL, and of kernels' own checks. */
    private static final List<String> DEVICE_TEXTS = List.of(
            "CUDA error",
            "CUDA driver error",
            "cuDNN error",
            "CUDNN_",
            "CUBLAS_",
            "NCCL",
            "cudaError",
            "device-side assert");

    private CudaFailures() {}

    /** Whether an error leaves nothing to go on with: all later calls of the process may fail or compute nonsense. */
    public static boolean isOfDevice(String text) {
        return !isOutOfMemory(text) && DEVICE_TEXTS.stream().anyMatch(text::contains);
    }

    /** Whether memory ran out on a GPU, which hurts nothing but what was being done. */
    public static boolean isOutOfMemory(String text) {
        return text.contains(OUT_OF_MEMORY);
    }

    /**
     * The sentence for memory that ran out.
     *
     * @param what was being done
     * @param images samples of the chunk that it was done for; 0 when it was for none
     * @param text libtorch's own
     */
    public static LockstepException outOfMemory(String what, int images, String text, Throwable cause) {
        String batch = images == 0 ? "" : " with " + images + " images";
        return new LockstepException(
                FailureCategory.OUT_OF_MEMORY,
                "%s ran out of the GPU's memory%s: it needed %s more, %s of %s were free; take a smaller batch per device or an AMP precision"
                        .formatted(what, batch, find(NEEDED, text), find(FREE, text), find(TOTAL, text)),
                cause);
    }

    /** The sentence for anything else; the process should end. */
    public static LockstepException device(String what, String text, Throwable cause) {
        String firstLine = text.lines().findFirst().orElse(text);
        return new LockstepException(
                FailureCategory.DEVICE, what + " failed on the GPU, and its process ends with it: " + firstLine, cause);
    }

    private static String find(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        return matcher.find() ? matcher.group(1) : "an unknown amount";
    }
}
