package dev.lockstep.coordinator.control;

import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.TrainingSpec;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** What models were found to need, so that a cluster finds it out once for each training. Thread-safe. */
public final class Footprints {
    private final Map<TrainingSpec, ModelFootprint> known = new ConcurrentHashMap<>();

    /** The footprint of a training; null when no measurement has found it out yet. */
    ModelFootprint find(TrainingSpec training) {
        return known.get(training);
    }

    void add(TrainingSpec training, ModelFootprint footprint) {
        known.putIfAbsent(training, footprint);
    }
}
