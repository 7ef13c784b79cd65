package dev.lockstep.worker.actor;

/** Ends the worker's process; a seam, so that the actor can be tested without dying. */
@FunctionalInterface
public interface ProcessExit {
    /** Exit status of an orderly end. */
    int ORDERLY = 0;
    /** Exit status when the machine lacks something the engine needs. */
    int ENVIRONMENT = 3;
    /** Exit status when the device failed, and all that this process would do on it. */
    int DEVICE = 4;

    /**
     * Ends the process.
     *
     * @param status the exit status
     * @param reason one line for the worker's log
     */
    void exit(int status, String reason);
}
