package dev.lockstep.worker.model;

import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.initializer.Initializer;
import dev.lockstep.worker.kernel.Expansion;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.kernel.Norm;
import dev.lockstep.worker.kernel.NormResidual;
import dev.lockstep.worker.kernel.NormSilu;
import dev.lockstep.worker.kernel.NormSiluProjection;

/** {@code torch.nn.BatchNorm2d}; DJL's own block hands momentum down as a rounded float. Does not count batches: nothing reads it. */
final class BatchNormalization extends Layer {
    private final double momentum;
    private final double epsilon;
    private final Parameter weight;
    private final Parameter bias;
    private final Parameter runningMean;
    private final Parameter runningVariance;

    BatchNormalization(String name, int channels, EfficientNetVariant variant) {
        this.momentum = variant.batchNormMomentum();
        this.epsilon = variant.batchNormEpsilon();
        Shape shape = new Shape(channels);
        this.weight = declare(name + ".weight", Parameter.Type.GAMMA, shape, true, Initializer.ONES);
        this.bias = declare(name + ".bias", Parameter.Type.BETA, shape, true, Initializer.ZEROS);
        this.runningMean =
                declare(name + ".running_mean", Parameter.Type.RUNNING_MEAN, shape, false, Initializer.ZEROS);
        this.runningVariance =
                declare(name + ".running_var", Parameter.Type.RUNNING_VAR, shape, false, Initializer.ONES);
    }

    @Override
    PtNDArray apply(PtNDArray input, boolean training) {
        // The order is that of torch's function; DJL's parameter names say otherwise.
        return JniUtils.batchNorm(
                input,
                values(runningMean),
                values(runningVariance),
                values(weight),
                values(bias),
                training,
                momentum,
                epsilon);
    }

    /** In training, with SiLU after it; only where {@link Kernels#fit}. Keeps a handle of the input. */
    NormSilu withSilu(PtNDArray input) {
        return updated(new NormSilu(JniUtils.detachGradient(input), values(weight), values(bias), epsilon));
    }

    /** The same of what an expansion makes. */
    NormSilu withSilu(Expansion expansion) {
        return updated(new NormSilu(expansion, values(weight), values(bias), epsilon));
    }

    /** In training, with nothing or a residual after it; only where {@link Kernels#fit}. Keeps a handle of the input. */
    NormResidual withResidual(PtNDArray input) {
        return updated(new NormResidual(JniUtils.detachGradient(input), values(weight), values(bias), epsilon));
    }

    /** The same of what a projection makes. */
    NormResidual withResidual(NormSiluProjection projection) {
        return updated(new NormResidual(projection, values(weight), values(bias), epsilon));
    }

    private <T extends Norm> T updated(T norm) {
        norm.updateRunning(values(runningMean), values(runningVariance), momentum);
        return norm;
    }

    /** Begins the way back of such a norm: adds the parameters' gradients. */
    void sums(NormResidual norm, PtNDArray gradient) {
        try (PtNDArray weightGradient = JniUtils.getGradient(values(weight));
                PtNDArray biasGradient = JniUtils.getGradient(values(bias))) {
            norm.sums(gradient, weightGradient, biasGradient);
        }
    }

    /** Turns the gradient by SiLU's output into the input's, in place, and adds those by the parameters. */
    void backward(NormSilu normSilu, PtNDArray gradient) {
        try (PtNDArray weightGradient = JniUtils.getGradient(values(weight));
                PtNDArray biasGradient = JniUtils.getGradient(values(bias))) {
            normSilu.backward(gradient, weightGradient, biasGradient);
        }
    }

    /** The same from the gradient of an array that is SiLU's output scaled ({@link NormSilu#backwardScaled}). */
    void backwardScaled(NormSilu normSilu, PtNDArray gradient, PtNDArray factor, PtNDArray summand) {
        try (PtNDArray weightGradient = JniUtils.getGradient(values(weight));
                PtNDArray biasGradient = JniUtils.getGradient(values(bias))) {
            normSilu.backwardScaled(gradient, factor, summand, weightGradient, biasGradient);
        }
    }

    /** Goes on with the first part of that, when kernels have summed up all pixels: adds the parameters' gradients. */
    void addGradients(NormSilu normSilu) {
        try (PtNDArray weightGradient = JniUtils.getGradient(values(weight));
                PtNDArray biasGradient = JniUtils.getGradient(values(bias))) {
            normSilu.addParameterGradients(weightGradient, biasGradient);
        }
    }
}
