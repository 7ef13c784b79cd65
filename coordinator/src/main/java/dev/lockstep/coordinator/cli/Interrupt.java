package dev.lockstep.coordinator.cli;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.agrona.concurrent.SigInt;

/** Ctrl-C as a word to whoever asks for it: the first one is noted, the second one leaves at once. */
final class Interrupt {
    private final Consumer<Runnable> registration;
    private final Runnable leave;
    private final AtomicInteger count = new AtomicInteger();

    /**
     * Makes an interrupt that nobody watches yet.
     *
     * @param registration takes what to do at each Ctrl-C
     * @param leave ends the process
     */
    Interrupt(Consumer<Runnable> registration, Runnable leave) {
        this.registration = registration;
        this.leave = leave;
    }

    /** The process's own. */
    static Interrupt ofProcess() {
        return new Interrupt(SigInt::register, () -> System.exit(ExitStatus.CANCELLED.code()));
    }

    /** From now on Ctrl-C no longer ends the process by itself. */
    void watch() {
        registration.accept(this::raise);
    }

    private void raise() {
        if (count.incrementAndGet() > 1) {
            leave.run();
        }
    }

    boolean isRequested() {
        return count.get() > 0;
    }
}
