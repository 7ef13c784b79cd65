package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.precision.LossScaling;
import dev.lockstep.worker.step.CrossEntropy.Loss;
import dev.lockstep.worker.step.InputSlots.Range;
import dev.lockstep.worker.step.PhaseClock.Phase;

/** The step of {@code torch.nn.DataParallel} and its training loop, on one rank. */
final class DataParallelStep implements TrainingStep {
    private final int rank;
    private final NDManager manager;
    private final Passes passes;
    private final InputSlots inputs;
    private final Collective collective;
    private final ParameterUpdate update;
    private final LossScaling scaling;

    /**
     * @param manager parent of each step's own manager, which holds what the step makes and is closed with it
     */
    DataParallelStep(
            int rank,
            NDManager manager,
            Passes passes,
            InputSlots inputs,
            Collective collective,
            ParameterUpdate update,
            LossScaling scaling) {
        this.rank = rank;
        this.manager = manager;
        this.passes = passes;
        this.inputs = inputs;
        this.collective = collective;
        this.update = update;
        this.scaling = scaling;
    }

    /** The loss is read last: the host would wait for the device until there is one. */
    @Override
    public Double run(StepCommand command, PhaseClock clock) {
        try (NDManager scope = manager.newSubManager()) {
            collective.begin(command);
            Loss loss = null;
            if (command.isActive(rank)) {
                loss = computeGradients(command, scope, clock);
            } else {
                clock.waitFor(collective::sitOut);
            }
            update.run(command, scope, clock);
            return loss == null ? null : (double) loss.mean().getFloat();
        }
    }

    /** Leaves the gradients of this rank's chunk in its flat gradients. Returns the batch's loss on replica 0, null on the others. */
    private Loss computeGradients(StepCommand command, NDManager scope, PhaseClock clock) {
        Range chunk = new Range(
                command.slot(), command.firstSample(rank), command.chunks().get(rank));
        NDArray images = inputs.images(scope, chunk);
        clock.mark(Phase.SCATTER);
        return command.chunks().size() == 1
                ? computeAlone(command, scope, images, clock)
                : computeTogether(command, scope, images, clock);
    }

    /** As DataParallel calls the module itself when there is but one device: an ordinary training step. */
    private Loss computeAlone(StepCommand command, NDManager scope, NDArray images, PhaseClock clock) {
        NDArray logits = passes.forward(images);
        clock.mark(Phase.FORWARD);
        // Nobody else takes part; a trace finds the step's logits afterwards, as with more replicas.
        collective.gather(scope, logits);
        clock.mark(Phase.GATHER);
        Loss loss = CrossEntropy.of(scope, logits, labels(scope, command), scale(scope));
        clock.mark(Phase.LOSS);
        passes.backward(logits, loss.byLogits());
        clock.mark(Phase.BACKWARD);
        return loss;
    }

    private Loss computeTogether(StepCommand command, NDManager scope, NDArray images, PhaseClock clock) {
        clock.waitFor(collective::replicate);
        clock.mark(Phase.REPLICATE);
        NDArray logits = passes.forward(images);
        clock.mark(Phase.FORWARD);
        NDArray gathered = clock.waiting(() -> collective.gather(scope, logits));
        clock.mark(Phase.GATHER);
        Loss loss = rank == 0 ? CrossEntropy.of(scope, gathered, labels(scope, command), scale(scope)) : null;
        NDArray gradient = clock.waiting(() -> collective.scatter(scope, loss == null ? null : loss.byLogits()));
        clock.mark(Phase.LOSS);
        passes.backward(logits, gradient);
        clock.mark(Phase.BACKWARD);
        return loss;
    }

    /** Where backward starts: the gradient of the scaled loss by the loss. Made where it is needed: a copy would be waited for. */
    private NDArray scale(NDManager scope) {
        return scope.full(new Shape(), (float) scaling.scale());
    }

    private NDArray labels(NDManager scope, StepCommand command) {
        return inputs.labels(scope, new Range(command.slot(), 0, command.batch()));
    }
}
