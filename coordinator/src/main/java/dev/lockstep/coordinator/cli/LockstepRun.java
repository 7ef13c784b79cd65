package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import dev.lockstep.coordinator.overhead.Turns;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A run of one measurement on a cluster that is there for it alone, as a side that takes turns. */
final class LockstepRun implements Turns.Side {
    private static final Set<String> BEFORE_MEASURING = Set.of("waiting", "preparing", "warming-up");

    private final Shell shell;
    private final CoordinatorClient client;
    private final List<Long> pids;
    private final String what;
    private final WatchedRun run;

    /**
     * Submits it to the cluster of the shell's run folder.
     *
     * @param pids of the cluster's processes
     */
    LockstepRun(Shell shell, List<Long> pids, Map<String, String> settings, String what) {
        this.shell = shell;
        // A client that was used before the cluster stood still has connections that the coordinator closes as idle
        // when it goes on.
        this.client = CoordinatorClient.of(shell.runDir());
        this.pids = List.copyOf(pids);
        this.what = what;
        this.run = new WatchedRun(shell, client, client.submit(settings));
    }

    /** Waits until steps are timed; also until it is over, should that come first. */
    void awaitMeasuring() {
        while (!isThrough()
                && run.view().measurements().stream()
                        .map(MeasurementView::state)
                        .allMatch(BEFORE_MEASURING::contains)) {
            // It waits.
        }
    }

    @Override
    public String name() {
        return "steps of Lockstep on " + what;
    }

    @Override
    public List<Long> pids() {
        return pids;
    }

    @Override
    public boolean isThrough() {
        if (shell.interrupt().isRequested()) {
            throw new CommandException(ExitStatus.CANCELLED, "cancelled while it was measured");
        }
        return run.next().isOver();
    }

    /**
     * The run as it ended.
     *
     * @throws CommandException unless it succeeded
     */
    RunView done() {
        return new RunFollower(shell, client).require(run.view(), what);
    }
}
