package dev.lockstep.worker.step;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where tensors lie in one flat float32 buffer: in their order, each starting on a cache line of 64 bytes. The padding is zero.
 *
 * @param places by name, in order
 * @param floats of the whole buffer, padding included
 */
record FlatLayout(Map<String, Place> places, long floats) {
    private static final int ALIGNMENT_FLOATS = 16;

    /** Where one tensor lies: its first float and its shape. */
    record Place(long offset, Shape shape) {
        /** The shape, outermost dimension first. */
        List<Long> dimensions() {
            return Arrays.stream(shape.getShape()).boxed().toList();
        }
    }

    static FlatLayout of(List<Parameter> tensors) {
        Map<String, Place> places = new LinkedHashMap<>();
        long offset = 0;
        for (Parameter tensor : tensors) {
            places.put(tensor.getName(), new Place(offset, tensor.getShape()));
            offset += (tensor.getShape().size() + ALIGNMENT_FLOATS - 1) / ALIGNMENT_FLOATS * ALIGNMENT_FLOATS;
        }
        return new FlatLayout(places, offset);
    }

    /** The place of a name. */
    Place place(String name) {
        Place place = places.get(name);
        if (place == null) {
            throw new IllegalArgumentException("there is no tensor '" + name + "'");
        }
        return place;
    }

    /** Floats in the tensors themselves. */
    long scalars() {
        return places.values().stream().mapToLong(place -> place.shape().size()).sum();
    }
}
