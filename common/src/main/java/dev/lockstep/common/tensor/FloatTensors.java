package dev.lockstep.common.tensor;

import java.util.List;

/** A set of named floating-point tensors, wherever they are. */
public interface FloatTensors {
    /** Unique names, in a fixed order. */
    List<String> names();

    /** Dimensions, outermost first; empty for a scalar. */
    List<Long> shape(String name);

    /** The tensor's elements in row-major order, the caller's to keep. */
    float[] floats(String name);
}
