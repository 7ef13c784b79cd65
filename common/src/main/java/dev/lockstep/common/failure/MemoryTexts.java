package dev.lockstep.common.failure;

import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/** How libraries say that they ran out of memory: there is nothing but their words to tell it by. */
public final class MemoryTexts {
    /** Of libtorch's allocators, on CPU and CUDA, and of oneDNN's. */
    private static final List<String> OF_LIBRARIES =
            List.of("can't allocate memory", "not enough memory", "out of memory", "could not create a memory");

    /**
     * oneDNN, when the buffer that a kernel works in, or room for its code, is not to be had. That there is no such kernel at all it says
     * of a primitive's descriptor.
     */
    private static final Pattern OF_KERNELS = Pattern.compile("could not create a primitive(?! descriptor)");

    /** What the C++ runtime writes before the text of an exception that nobody caught. */
    private static final String UNCAUGHT = "what():";

    private static final List<String> OF_RUNTIMES =
            List.of("std::bad_alloc", "insufficient memory for the Java Runtime Environment");

    private MemoryTexts() {}

    /** Whether a library's error says that memory ran out. */
    public static boolean tell(String error) {
        return OF_LIBRARIES.stream().anyMatch(error::contains)
                || OF_KERNELS.matcher(error).find();
    }

    /**
     * The line among a process's last ones in which it says that it ended because memory ran out; empty when it says no such thing. An
     * error that it survived is none.
     */
    public static Optional<String> lastWords(List<String> lines) {
        return lines.stream()
                .map(String::strip)
                .filter(line -> (line.startsWith(UNCAUGHT) && tell(line))
                        || OF_RUNTIMES.stream().anyMatch(line::contains))
                .findFirst();
    }
}
