package dev.lockstep.worker.actor;

import com.sun.jna.Library;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Platform;
import java.io.IOException;
import java.io.InputStream;

/** Ends this process when the coordinator is gone, however it went. */
final class ParentWatch {
    private static final int PR_SET_PDEATHSIG = 1;
    private static final int SIGKILL = 9;

    private ParentWatch() {}

    /** The C functions used, from libc. */
    private interface LibC extends Library {
        int prctl(int option, NativeLong argument2, NativeLong argument3, NativeLong argument4, NativeLong argument5);

        int getppid();
    }

    /**
     * On Linux the kernel kills this process with its parent, even one that is stopped or stuck in a native call. Everywhere the end of
     * standard input, which the parent holds open, ends it too.
     */
    static void start(long parentPid, ProcessExit exit) {
        if (Platform.isLinux()) {
            LibC libc = Native.load("c", LibC.class);
            NativeLong zero = new NativeLong(0);
            libc.prctl(PR_SET_PDEATHSIG, new NativeLong(SIGKILL), zero, zero, zero);
            if (libc.getppid() != parentPid) {
                exit.exit(ProcessExit.ORDERLY, "the coordinator was gone before the worker had started");
            }
        }
        Thread watch = new Thread(() -> awaitEndOfInput(exit), "parent-watch");
        watch.setDaemon(true);
        watch.start();
    }

    private static void awaitEndOfInput(ProcessExit exit) {
        try (InputStream input = System.in) {
            while (input.read() >= 0) {
                // The coordinator sends nothing; only the end matters.
            }
        } catch (IOException e) {
            exit.exit(ProcessExit.ORDERLY, "the line to the coordinator broke: " + e.getMessage());
        }
        exit.exit(ProcessExit.ORDERLY, "the coordinator is gone");
    }
}
