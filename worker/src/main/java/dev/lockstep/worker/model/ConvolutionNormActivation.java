package dev.lockstep.worker.model;

/** torchvision's {@code Conv2dNormActivation}: a convolution without bias, batch norm, SiLU if asked for. */
final class ConvolutionNormActivation extends Sequential {
    ConvolutionNormActivation(
            String name,
            EfficientNetVariant variant,
            int inputChannels,
            int outputChannels,
            int kernel,
            int stride,
            int groups,
            boolean activation,
            GraphCuts cuts) {
        add(
                groups == 1
                        ? new Convolution(name + ".0", inputChannels, outputChannels, kernel, stride, groups, false)
                        : new DepthwiseConvolution(name + ".0", inputChannels, kernel, stride, cuts));
        add(new BatchNormalization(
                name + ".1", outputChannels, variant.batchNormMomentum(), variant.batchNormEpsilon()));
        if (activation) {
            add(new Silu());
        }
    }
}
