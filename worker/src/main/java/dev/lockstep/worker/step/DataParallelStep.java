package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.optimizer.Optimizer;
import dev.lockstep.worker.precision.LossScaling;
import dev.lockstep.worker.step.InputSlots.Range;
import dev.lockstep.worker.step.PhaseClock.Phase;

/** The step of {@code torch.nn.DataParallel} and its training loop, on one rank. */
final class DataParallelStep implements TrainingStep {
    private final int rank;
    private final NDManager manager;
    private final Replica replica;
    private final InputSlots inputs;
    private final Collective collective;
    private final Optimizer optimizer;
    private final LossScaling scaling;

    /**
     * @param manager parent of each step's own manager, which holds what the step makes and is closed with it
     * @param optimizer null but on rank 0
     */
    DataParallelStep(
            int rank,
            NDManager manager,
            Replica replica,
            InputSlots inputs,
            Collective collective,
            Optimizer optimizer,
            LossScaling scaling) {
        this.rank = rank;
        this.manager = manager;
        this.replica = replica;
        this.inputs = inputs;
        this.collective = collective;
        this.optimizer = optimizer;
        this.scaling = scaling;
    }

    /** A rank without samples returns at once. */
    @Override
    public Double run(StepCommand command, PhaseClock clock) {
        if (!command.isActive(rank)) {
            return null;
        }
        try (NDManager scope = manager.newSubManager()) {
            int samples = command.chunks().get(rank);
            NDArray images = inputs.images(scope, new Range(command.slot(), command.firstSample(rank), samples));
            clock.mark(Phase.SCATTER);
            return command.chunks().size() == 1
                    ? runAlone(command, scope, images, clock)
                    : runTogether(command, scope, images, clock);
        }
    }

    /** As DataParallel calls the module itself when there is but one device: an ordinary training step. */
    private Double runAlone(StepCommand command, NDManager scope, NDArray images, PhaseClock clock) {
        NDArray logits = replica.forward(images);
        clock.mark(Phase.FORWARD);
        // Nobody else takes part; the step's logits lie in the segment afterwards, as with more replicas.
        collective.begin(command);
        collective.gather(scope, logits);
        clock.mark(Phase.GATHER);
        NDArray loss = CrossEntropy.mean(logits, labels(scope, command));
        double value = loss.getFloat();
        clock.mark(Phase.LOSS);
        replica.zeroGradients();
        replica.backward(loss, scale(scope));
        clock.mark(Phase.BACKWARD);
        stepOptimizer();
        clock.mark(Phase.OPTIMIZER);
        return value;
    }

    private Double runTogether(StepCommand command, NDManager scope, NDArray images, PhaseClock clock) {
        collective.begin(command);
        collective.replicate();
        clock.mark(Phase.REPLICATE);
        NDArray logits = replica.forward(images);
        clock.mark(Phase.FORWARD);
        NDArray gathered = collective.gather(scope, logits);
        clock.mark(Phase.GATHER);
        Double loss = null;
        NDArray batchGradient = null;
        if (rank == 0) {
            gathered.setRequiresGradient(true);
            NDArray mean = CrossEntropy.mean(gathered, labels(scope, command));
            loss = (double) mean.getFloat();
            CrossEntropy.backward(mean, scale(scope));
            batchGradient = gathered.getGradient();
        }
        NDArray gradient = collective.scatter(scope, batchGradient);
        clock.mark(Phase.LOSS);
        replica.zeroGradients();
        replica.backward(logits, gradient);
        clock.mark(Phase.BACKWARD);
        collective.reduce(scope);
        clock.mark(Phase.REDUCE);
        if (rank == 0) {
            stepOptimizer();
            clock.mark(Phase.OPTIMIZER);
        }
        return loss;
    }

    /** Where backward starts: the gradient of the scaled loss by the loss. */
    private NDArray scale(NDManager scope) {
        return scope.create((float) scaling.scale());
    }

    private void stepOptimizer() {
        boolean finite = scaling.unscale(replica.gradients().array());
        if (finite) {
            optimizer.step();
        }
        scaling.update(!finite);
    }

    private NDArray labels(NDManager scope, StepCommand command) {
        return inputs.labels(scope, new Range(command.slot(), 0, command.batch()));
    }
}
