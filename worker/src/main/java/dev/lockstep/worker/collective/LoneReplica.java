package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import dev.lockstep.common.work.StepCommand;

/** The collective of a measurement's only replica, with memory of its own: there is no one to exchange with. */
public final class LoneReplica implements Collective {
    private final LogitsRecord logits;

    /** @param logits where a trace finds the logits */
    public LoneReplica(LogitsRecord logits) {
        this.logits = logits;
    }

    @Override
    public void begin(StepCommand step) {
        if (step.chunks().size() != 1) {
            throw new IllegalArgumentException(
                    "one replica cannot take " + step.chunks().size() + " chunks");
        }
    }

    @Override
    public void replicate() {}

    @Override
    public NDArray gather(NDManager manager, NDArray chunkLogits) {
        shareLogits(chunkLogits);
        NDArray gathered = chunkLogits.stopGradient();
        gathered.attach(manager);
        return gathered;
    }

    @Override
    public NDArray scatter(NDManager manager, NDArray gradient) {
        return gradient;
    }

    @Override
    public void reduce(NDManager manager) {}

    @Override
    public void shareLogits(NDArray chunkLogits) {
        logits.put(0, chunkLogits);
    }

    @Override
    public Double reduceShard(NDManager manager, double lossShare) {
        return lossShare;
    }

    @Override
    public boolean anyOverflow(boolean here) {
        return here;
    }

    @Override
    public void awaitUpdates() {}

    @Override
    public long takeWaitNanos() {
        return 0;
    }
}
