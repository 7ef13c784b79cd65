package dev.lockstep.coordinator.data;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.tensor.TensorInfo;
import dev.lockstep.common.tensor.TensorType;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.List;

/** One fixed batch for all steps, from a safetensors file. */
final class TensorsSource implements BatchSource {
    private static final String INPUTS = "inputs";
    private static final String LABELS = "labels";

    private final Safetensors tensors;
    private final InputLayout layout;
    private final int batch;
    private final long[] labels;

    private TensorsSource(Safetensors tensors, InputLayout layout, int batch, long[] labels) {
        this.tensors = tensors;
        this.layout = layout;
        this.batch = batch;
        this.labels = labels;
    }

    /**
     * Opens a file and checks that it holds the batch of this model.
     *
     * @throws LockstepException USAGE when it is no sound safetensors file, DATA when its tensors are of other shapes or types, or a label
     *     is no class of the model
     */
    static TensorsSource open(Path file, ModelSpec model, MemoryFormat format, int batch) {
        Safetensors tensors = Safetensors.read(file);
        try {
            long size = model.imageSize();
            require(file, tensors.info(INPUTS), TensorType.F32, (long) batch, (long) ModelSpec.CHANNELS, size, size);
            require(file, tensors.info(LABELS), TensorType.I64, (long) batch);
            long[] labels = tensors.longs(LABELS);
            for (long label : labels) {
                if (label < 0 || label >= model.classes()) {
                    throw wrong(file, "has the label " + label + ", but the model has " + model.classes() + " classes");
                }
            }
            return new TensorsSource(tensors, new InputLayout(format, model), batch, labels);
        } catch (LockstepException e) {
            tensors.close();
            throw e;
        }
    }

    private static void require(Path file, TensorInfo tensor, TensorType type, Long... shape) {
        if (tensor.type() != type || !tensor.shape().equals(List.of(shape))) {
            throw wrong(
                    file,
                    "has '%s' as %s %s, but a step of this run needs %s %s"
                            .formatted(tensor.name(), tensor.type(), tensor.shape(), type, List.of(shape)));
        }
    }

    private static LockstepException wrong(Path file, String what) {
        return new LockstepException(FailureCategory.DATA, file + " " + what);
    }

    @Override
    public void fill(long step, FloatBuffer inputs, LongBuffer labelsOut) {
        layout.requireRoom(batch, inputs, labelsOut);
        // In the file an image is [3, H, W].
        float[] values = tensors.floats(INPUTS);
        int first = inputs.position();
        int index = 0;
        for (int sample = 0; sample < batch; sample++) {
            int image = first + sample * layout.sampleFloats();
            for (int channel = 0; channel < ModelSpec.CHANNELS; channel++) {
                for (int pixel = 0; pixel < layout.pixels(); pixel++) {
                    inputs.put(image + layout.index(channel, pixel), values[index++]);
                }
            }
        }
        labelsOut.duplicate().put(labels);
    }

    @Override
    public boolean constant() {
        return true;
    }

    @Override
    public void close() {
        tensors.close();
    }
}
