package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.RunView;
import java.time.Duration;

/**
 * A run as it was when it was last looked at. Each look takes the cores that replicas train on some milliseconds, so that it is looked at
 * every second only at first, and the longer it takes the more seldom: every twentieth of the time that has passed, up to five seconds.
 */
final class WatchedRun {
    private static final Duration SHORTEST_INTERVAL = Duration.ofSeconds(1);
    private static final Duration LONGEST_INTERVAL = Duration.ofSeconds(5);
    private static final int INTERVALS_OF_THE_TIME = 20;

    private final Shell shell;
    private final CoordinatorClient client;
    private final long beganNanos;
    private long lookedNanos;
    private RunView view;

    /** @param view the run as the coordinator has just described it */
    WatchedRun(Shell shell, CoordinatorClient client, RunView view) {
        this.shell = shell;
        this.client = client;
        this.view = view;
        this.beganNanos = shell.timer().nanos();
        this.lookedNanos = beganNanos;
    }

    RunView view() {
        return view;
    }

    /** Waits a second, and looks at the run if that is due or someone has pressed Ctrl-C. */
    RunView next() {
        shell.timer().pause(SHORTEST_INTERVAL);
        long now = shell.timer().nanos();
        long interval = Math.min((now - beganNanos) / INTERVALS_OF_THE_TIME, LONGEST_INTERVAL.toNanos());
        if (now - lookedNanos >= interval || shell.interrupt().isRequested()) {
            view = client.run(view.id());
            lookedNanos = now;
        }
        return view;
    }
}
