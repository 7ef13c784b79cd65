package dev.lockstep.worker.collective;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/** Watches a communicator while its training thread may hang in the device's work. */
final class NcclWatchdog implements AutoCloseable {
    private static final Duration INTERVAL = Duration.ofMillis(50);

    private final Thread thread;
    private volatile boolean closed;

    /** @param lastResort ends the process, told why */
    NcclWatchdog(NcclCommunicator communicator, Consumer<String> lastResort) {
        thread = new Thread(() -> watch(communicator, lastResort), "nccl-watchdog");
        thread.setDaemon(true);
        thread.start();
    }

    private void watch(NcclCommunicator communicator, Consumer<String> lastResort) {
        while (!closed) {
            String stuck = communicator.watch();
            if (stuck != null) {
                lastResort.accept(stuck);
                return;
            }
            LockSupport.parkNanos(INTERVAL.toNanos());
        }
    }

    @Override
    public void close() {
        closed = true;
        LockSupport.unpark(thread);
    }
}
