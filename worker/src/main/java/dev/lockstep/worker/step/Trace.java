package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.SafetensorsWriter;
import dev.lockstep.common.work.StepCommand;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * What came out of a few steps, as replica 0 holds it: {@code loss} [steps]; {@code logits} [N, classes], in the batch's order, and
 * {@code grad/NAME} of the first step; {@code param/NAME} and {@code buffer/NAME} after the last.
 */
final class Trace {
    private final NDManager manager;
    private final Segment segment;
    private final Replica replica;
    private final List<Float> losses = new ArrayList<>();
    private float[] logits;
    private FlatTensor gradients;

    /**
     * @param manager holds what is kept
     * @param replica of rank 0
     */
    Trace(NDManager manager, Segment segment, Replica replica) {
        this.manager = manager;
        this.segment = segment;
        this.replica = replica;
    }

    /** Takes down a step, right after it: the gradients are those that the optimizer was given, and it does not change them. */
    void record(StepCommand command, double loss) {
        if (losses.isEmpty()) {
            logits = new float[command.batch() * segment.layout().classes()];
            try {
                segment.logits(0, command.batch()).asFloatBuffer().get(logits);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            gradients = replica.gradients().copy(manager);
        }
        losses.add((float) loss);
    }

    /**
     * Writes the trace.
     *
     * @throws dev.lockstep.common.failure.LockstepException if the file cannot be written
     */
    void write(Path file) {
        if (losses.isEmpty()) {
            throw new IllegalStateException("no step was traced");
        }
        float[] all = new float[losses.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = losses.get(i);
        }
        int classes = segment.layout().classes();
        List<NamedTensor> tensors = new ArrayList<>();
        tensors.add(NamedTensor.floats("loss", all, all.length));
        tensors.add(NamedTensor.floats("logits", logits, logits.length / classes, classes));
        tensors.addAll(gradients.named("grad/"));
        try (NDManager scope = manager.newSubManager()) {
            tensors.addAll(replica.parameters().onHost(scope).named("param/"));
            tensors.addAll(replica.buffers().onHost(scope).named("buffer/"));
            SafetensorsWriter.write(file, tensors, Map.of());
        }
    }
}
