package dev.lockstep.common.work;

/**
 * What a model needs, found by building it once and running small steps.
 *
 * @param parameters trainable scalars
 * @param parameterTensors tensors they are in
 * @param flatParameters floats of the flat parameter buffer, padding included
 * @param flatBuffers floats of the flat buffer of running statistics, padding included
 * @param fixedMiB resident memory of a worker that holds the model, its gradients and its optimizer state; null where the
 *     platform does not tell
 * @param perImageMiB further peak memory for each image of a step; null likewise
 */
public record ModelFootprint(
        long parameters,
        int parameterTensors,
        long flatParameters,
        long flatBuffers,
        Double fixedMiB,
        Double perImageMiB) {}
