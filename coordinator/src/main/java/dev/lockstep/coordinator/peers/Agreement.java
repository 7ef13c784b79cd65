package dev.lockstep.coordinator.peers;

import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.tensor.Safetensors;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Whether Lockstep and PyTorch compute the same: from the same weights, on the same images, without dropout and stochastic depth,
 * in float32, one step must give the same loss and the same gradients.
 *
 * @param loss Lockstep's
 * @param gradientNorm of all of Lockstep's gradients together
 * @param peerLoss PyTorch's
 * @param peerGradientNorm PyTorch's
 */
public record Agreement(double loss, double gradientNorm, double peerLoss, double peerGradientNorm) {
    /** As {@code lockstep verify} bounds the loss of float32 sums in another order. */
    private static final double LOSS_BOUND = 1e-3;
    /** The norm averages the rounding of millions of gradients; another model or another loss is off by far more. */
    private static final double GRADIENT_BOUND = 1e-2;

    private static final String GRADIENT = "grad/";

    /** An optimizer whose step changes nothing, so that a trace's parameters are those that it began with. */
    public static final OptimizerSpec STANDSTILL = new OptimizerSpec(OptimizerKind.SGD, 0, 0, 0);

    /** What PyTorch is to do: the one step of Lockstep's trace, from the parameters in it. */
    public static PeerSpec peerSpec(
            Plan plan, PeerDevice device, int classes, int imageSize, int images, Path trace, Path batch) {
        return new PeerSpec(
                PeerKind.SINGLE,
                plan.model().name(),
                classes,
                imageSize,
                0.0,
                0.0,
                plan.memoryFormat(),
                plan.seed(),
                List.of(device.id()),
                device.cpus() == null ? null : List.of(device.cpus()),
                List.of(images),
                Precision.FP32_STRICT,
                STANDSTILL,
                0,
                1,
                trace.toString(),
                batch.toString());
    }

    /** Compares a trace of one step with what PyTorch found. */
    public static Agreement of(Path trace, PeerMeasurement measurement) {
        try (Safetensors tensors = Safetensors.read(trace)) {
            double squares = 0;
            for (String name : tensors.names()) {
                if (name.startsWith(GRADIENT)) {
                    for (float gradient : tensors.floats(name)) {
                        squares += (double) gradient * gradient;
                    }
                }
            }
            return new Agreement(
                    tensors.floats("loss")[0],
                    Math.sqrt(squares),
                    orNotANumber(measurement.finalLoss()),
                    orNotANumber(measurement.firstGradientNorm()));
        }
    }

    private static double orNotANumber(Double value) {
        return value == null ? Double.NaN : value;
    }

    /** Whether both are the same up to rounding. */
    public boolean holds() {
        return lossError() <= LOSS_BOUND && gradientError() <= GRADIENT_BOUND;
    }

    private double lossError() {
        return Math.abs(peerLoss - loss) / Math.abs(loss);
    }

    private double gradientError() {
        return Math.abs(peerGradientNorm - gradientNorm) / gradientNorm;
    }

    /** What was found, in a sentence. */
    public String sentence() {
        return String.format(
                Locale.ROOT,
                "From the same weights on the same images, Lockstep's first loss is %.6f and PyTorch's %.6f (%.1e apart, bound %.0e), the norm of the gradients %.5g and %.5g (%.1e apart, bound %.0e).",
                loss,
                peerLoss,
                lossError(),
                LOSS_BOUND,
                gradientNorm,
                peerGradientNorm,
                gradientError(),
                GRADIENT_BOUND);
    }
}
