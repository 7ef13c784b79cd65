package dev.lockstep.coordinator.cli;

/**
 * Something to undo when a block is left, also when that is because the process was told to end. A process that is told to end
 * while it is being undone waits for it.
 */
final class ExitGuard {
    private final Thread hook;
    private final Runnable action;
    private boolean done;

    private ExitGuard(Runnable action) {
        this.action = action;
        this.hook = new Thread(this::runOnce, "exit-guard");
    }

    /** Runs the action once: at {@link #undo} or, should that not come, at the process's end. */
    static ExitGuard holding(Runnable action) {
        ExitGuard guard = new ExitGuard(action);
        Runtime.getRuntime().addShutdownHook(guard.hook);
        return guard;
    }

    /** From here on there is nothing to undo. */
    synchronized void release() {
        done = true;
        removeHook();
    }

    /** Runs the action, unless it was released or has run. */
    void undo() {
        runOnce();
        removeHook();
    }

    private synchronized void runOnce() {
        if (!done) {
            done = true;
            action.run();
        }
    }

    private void removeHook() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending already, and the hook finds that all is done.
            assert done;
        }
    }
}
