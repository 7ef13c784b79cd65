package dev.lockstep.coordinator.verify;

import dev.lockstep.common.tensor.FloatTensors;
import java.util.ArrayList;
import java.util.List;

/** A trace whose logits stand several times one below the other, as a batch that repeats its images must give them. */
record RepeatedLogits(FloatTensors trace, int times) implements FloatTensors {
    private static final String LOGITS = "logits";

    @Override
    public List<String> names() {
        return trace.names();
    }

    @Override
    public List<Long> shape(String name) {
        if (!name.equals(LOGITS)) {
            return trace.shape(name);
        }
        List<Long> shape = new ArrayList<>(trace.shape(name));
        shape.set(0, shape.get(0) * times);
        return shape;
    }

    @Override
    public float[] floats(String name) {
        float[] once = trace.floats(name);
        if (!name.equals(LOGITS)) {
            return once;
        }
        float[] repeated = new float[once.length * times];
        for (int time = 0; time < times; time++) {
            System.arraycopy(once, 0, repeated, time * once.length, once.length);
        }
        return repeated;
    }
}
