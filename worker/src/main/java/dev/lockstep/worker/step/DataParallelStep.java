package dev.lockstep.worker.step;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.optimizer.Optimizer;
import dev.lockstep.worker.precision.LossScaling;
import dev.lockstep.worker.step.CrossEntropy.Loss;
import dev.lockstep.worker.step.InputSlots.Range;
import dev.lockstep.worker.step.PhaseClock.Phase;

/** The step of {@code torch.nn.DataParallel} and its training loop, on one rank. */
final class DataParallelStep implements TrainingStep {
    private final int rank;
    private final NDManager manager;
    private final Replica replica;
    private final Passes passes;
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
            Passes passes,
            InputSlots inputs,
            Collective collective,
            Optimizer optimizer,
            LossScaling scaling) {
        this.rank = rank;
        this.manager = manager;
        this.replica = replica;
        this.passes = passes;
        this.inputs = inputs;
        this.collective = collective;
        this.optimizer = optimizer;
        this.scaling = scaling;
    }

    /**
     * A rank without samples only sees to it that no one waits for it. The loss is read last: the host would wait for the device until
     * there is one.
     */
    @Override
    public Double run(StepCommand command, PhaseClock clock) {
        collective.begin(command);
        if (!command.isActive(rank)) {
            clock.waitFor(collective::sitOut);
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
        NDArray logits = passes.forward(images);
        clock.mark(Phase.FORWARD);
        // Nobody else takes part; a trace finds the step's logits afterwards, as with more replicas.
        collective.gather(scope, logits);
        clock.mark(Phase.GATHER);
        Loss loss = CrossEntropy.of(scope, logits, labels(scope, command), scale(scope));
        clock.mark(Phase.LOSS);
        passes.backward(logits, loss.byLogits());
        clock.mark(Phase.BACKWARD);
        stepOptimizer(clock);
        clock.mark(Phase.OPTIMIZER);
        return (double) loss.mean().getFloat();
    }

    private Double runTogether(StepCommand command, NDManager scope, NDArray images, PhaseClock clock) {
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
        clock.waitFor(() -> collective.reduce(scope));
        clock.mark(Phase.REDUCE);
        if (rank == 0) {
            stepOptimizer(clock);
            clock.mark(Phase.OPTIMIZER);
        }
        return loss == null ? null : (double) loss.mean().getFloat();
    }

    /** Where backward starts: the gradient of the scaled loss by the loss. Made where it is needed: a copy would be waited for. */
    private NDArray scale(NDManager scope) {
        return scope.full(new Shape(), (float) scaling.scale());
    }

    private void stepOptimizer(PhaseClock clock) {
        boolean finite = clock.waiting(() -> scaling.unscale(replica.gradients().array()));
        if (finite) {
            optimizer.step();
        }
        scaling.update(!finite);
    }

    private NDArray labels(NDManager scope, StepCommand command) {
        return inputs.labels(scope, new Range(command.slot(), 0, command.batch()));
    }
}
