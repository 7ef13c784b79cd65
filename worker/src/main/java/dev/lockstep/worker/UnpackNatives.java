package dev.lockstep.worker;

import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.worker.libtorch.NativeLibraries;
import java.io.PrintStream;

/** Unpacks and loads libtorch's native libraries before any worker starts, and prints the folder they lie in, or else why not. */
public final class UnpackNatives {
    private static final int ENVIRONMENT_LACKS_SOMETHING = 3;

    private UnpackNatives() {}

    public static void main(String[] arguments) {
        PrintStream output = System.out;
        // Log lines must not mix with the answer.
        System.setOut(System.err);
        try {
            output.println(NativeLibraries.unpack());
        } catch (LockstepException e) {
            output.println(e.getMessage());
            System.exit(ENVIRONMENT_LACKS_SOMETHING);
        }
    }
}
