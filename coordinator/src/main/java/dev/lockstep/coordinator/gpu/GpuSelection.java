package dev.lockstep.coordinator.gpu;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** Which GPUs a specification means: {@code cuda:all}, {@code cuda:0,2}, {@code cuda:0*2}. */
public final class GpuSelection {
    private static final Pattern FORM = Pattern.compile("cuda:(all|\\d{1,3}(\\*[1-9])?(,\\d{1,3}(\\*[1-9])?)*)");
    private static final String PREFIX = "cuda:";

    /** All GPUs, one replica each. */
    public static final String ALL = "cuda:all";

    private GpuSelection() {}

    /**
     * A GPU that replicas shall run on.
     *
     * @param replicas how many; more than one is for trying things out
     */
    public record Chosen(Gpu gpu, int replicas) {}

    /** Whether a text is such a specification. */
    public static boolean matches(String specification) {
        return FORM.matcher(specification).matches();
    }

    /**
     * Chooses from what is there.
     *
     * @param specification one that {@link #matches}
     * @param visible the value of {@code CUDA_VISIBLE_DEVICES}, with which a scheduler or the user gives some GPUs to this process; null
     *     for all
     * @throws LockstepException ENVIRONMENT for a GPU that is not there, USAGE for one that is named twice
     */
    public static List<Chosen> choose(String specification, List<Gpu> all, String visible) {
        List<Gpu> gpus = all.stream().filter(gpu -> isVisible(gpu, visible)).toList();
        if (gpus.isEmpty()) {
            throw CudaSupport.lacking(
                    all.isEmpty()
                            ? "the NVIDIA driver is there, but it has no GPU: use cpu:N, for example --devices cpu:2"
                            : "CUDA_VISIBLE_DEVICES is '" + visible + "', which hides all GPUs of this machine");
        }
        if (specification.equals(ALL)) {
            return gpus.stream().map(gpu -> new Chosen(gpu, 1)).toList();
        }
        List<Chosen> chosen = new ArrayList<>();
        for (String item : specification.substring(PREFIX.length()).split(",", -1)) {
            String[] parts = item.split("\\*", -1);
            int index = Integer.parseInt(parts[0]);
            if (chosen.stream().anyMatch(other -> other.gpu.index() == index)) {
                throw new LockstepException(
                        FailureCategory.USAGE,
                        "--devices %s names GPU %d twice: cuda:%d*2 puts two replicas on one GPU"
                                .formatted(specification, index, index));
            }
            Gpu gpu = gpus.stream()
                    .filter(one -> one.index() == index)
                    .findFirst()
                    .orElseThrow(() -> CudaSupport.lacking("--devices %s: there is no GPU %d, there %s"
                            .formatted(specification, index, present(gpus, visible))));
            chosen.add(new Chosen(gpu, parts.length == 1 ? 1 : Integer.parseInt(parts[1])));
        }
        return chosen;
    }

    private static String present(List<Gpu> gpus, String visible) {
        List<String> names =
                gpus.stream().map(gpu -> gpu.index() + " (" + gpu.name() + ")").toList();
        return (names.size() == 1 ? "is " : "are ")
                + String.join(", ", names)
                + (visible == null ? "" : ", as CUDA_VISIBLE_DEVICES has it");
    }

    /** Numbers count as {@code nvidia-smi} does; a UUID may be cut short. */
    private static boolean isVisible(Gpu gpu, String visible) {
        return visible == null
                || Arrays.stream(visible.split(",", -1))
                        .map(String::strip)
                        .anyMatch(item -> item.equals(String.valueOf(gpu.index()))
                                || (item.startsWith("GPU-") && gpu.uuid().startsWith(item)));
    }
}
