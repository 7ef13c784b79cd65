package dev.lockstep.common.tensor;

import java.util.List;

/**
 * What a safetensors file says of one tensor.
 *
 * @param name for weights, torchvision's state_dict key
 * @param shape dimensions, outermost first; empty for a scalar
 * @param begin offset of its first byte, from the start of the data that follows the header
 * @param end offset behind its last byte
 */
public record TensorInfo(String name, TensorType type, List<Long> shape, long begin, long end) {
    public TensorInfo {
        shape = List.copyOf(shape);
    }

    public long bytes() {
        return end - begin;
    }
}
