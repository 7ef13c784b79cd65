package dev.lockstep.common.threads;

import java.util.concurrent.ThreadFactory;

/** Threads that do not keep their process alive. */
public final class DaemonThreads {
    private DaemonThreads() {}

    /** Makes daemon threads that all have one name: for an executor's. */
    public static ThreadFactory named(String name) {
        return task -> {
            Thread thread = new Thread(task, name);
            thread.setDaemon(true);
            return thread;
        };
    }
}
