package dev.lockstep.coordinator.data;

import dev.lockstep.coordinator.data.ImageFolder.Sample;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Epoch after epoch without end: each gives every image once, in an order of its own that the seed decides. */
final class EpochOrder {
    private final List<Sample> samples;
    private final Random random;
    private int next;

    EpochOrder(List<Sample> samples, long seed) {
        this.samples = new ArrayList<>(samples);
        this.random = new Random(seed);
    }

    Sample next() {
        if (next == 0) {
            Collections.shuffle(samples, random);
        }
        Sample sample = samples.get(next);
        next = (next + 1) % samples.size();
        return sample;
    }
}
