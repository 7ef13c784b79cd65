package dev.lockstep.coordinator.cli;

/** Something to undo when a block is left, also when that is because the process was told to end. */
final class ExitGuard {
    private final Thread hook;
    private final Runnable action;

    private ExitGuard(Runnable action) {
        this.action = action;
        this.hook = new Thread(action, "exit-guard");
    }

    /** Runs the action once: at {@link #undo} or, should that not come, at the process's end. */
    static ExitGuard holding(Runnable action) {
        ExitGuard guard = new ExitGuard(action);
        Runtime.getRuntime().addShutdownHook(guard.hook);
        return guard;
    }

    /** From here on there is nothing to undo; false when it is done already, or under way. */
    boolean release() {
        try {
            return Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The process is ending: the hook does the work.
            return false;
        }
    }

    /** Runs the action, unless it was released. */
    void undo() {
        if (release()) {
            action.run();
        }
    }
}
