package dev.lockstep.coordinator.peers;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** Finds a Python that has torch and torchvision. */
public final class PythonSearch {
    /** Where to look: an environment that is active goes first, then the distribution's own. */
    private static final List<String> USUAL = List.of("python3", "/usr/bin/python3");

    private PythonSearch() {}

    /**
     * The first that will do.
     *
     * @param given the user's choice, which then is the only candidate; null for none
     * @param probe describes a Python, or throws a {@link LockstepException} that says why it will not do
     * @throws LockstepException ENVIRONMENT naming what was tried
     */
    public static Python find(String given, Function<String, Python> probe) {
        List<String> tried = new ArrayList<>();
        for (String candidate : given == null ? USUAL : List.of(given)) {
            try {
                return probe.apply(candidate);
            } catch (LockstepException e) {
                tried.add(candidate + " (" + e.getMessage() + ")");
            }
        }
        throw new LockstepException(
                FailureCategory.ENVIRONMENT,
                "no Python with torch and torchvision: tried %s; install them (on Debian: apt install python3-torch python3-torchvision) or name a Python that has them with --python"
                        .formatted(String.join(", ", tried)));
    }
}
