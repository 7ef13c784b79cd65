package dev.lockstep.worker.model;

/** torchvision's {@code Conv2dNormActivation}: a convolution without bias, batch norm, SiLU. */
final class ConvolutionNormActivation extends Sequential {
    ConvolutionNormActivation(
            String name,
            EfficientNetVariant variant,
            int inputChannels,
            int outputChannels,
            int kernel,
            int stride,
            GraphCuts cuts) {
        add(new Convolution(name + ".0", inputChannels, outputChannels, kernel, stride, 1, false));
        add(new NormActivation(new BatchNormalization(name + ".1", outputChannels, variant), null, cuts));
    }
}
