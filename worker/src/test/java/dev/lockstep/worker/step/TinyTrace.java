package dev.lockstep.worker.step;

import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.common.work.StateFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A trace of a few steps of the tiny model, for builds and devices to be compared by. */
public final class TinyTrace {
    private static final int BATCH = 5;
    private static final int STEPS = 3;

    private TinyTrace() {}

    /** Writes it. */
    public static void write(DeviceKind kind, Path file) throws Exception {
        try (ReplicaGroup group = new ReplicaGroup(
                () -> new DjlTrainingEngine(kind, 1, List.of(), Duration.ofMinutes(1)),
                TinyTraining.quiet(3),
                Strategy.DATA_PARALLEL,
                new StateFiles(null, null, file.toString()),
                1,
                BATCH)) {
            group.fill(0, TinyTraining.images(BATCH), TinyTraining.labels(BATCH));
            for (int step = 0; step < STEPS; step++) {
                group.step(List.of(BATCH));
            }
            group.on(0, DjlTrainingEngine::summarise);
        }
    }
}
