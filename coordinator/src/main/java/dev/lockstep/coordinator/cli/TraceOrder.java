package dev.lockstep.coordinator.cli;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.tensor.TensorInfo;
import dev.lockstep.common.tensor.TensorType;
import dev.lockstep.coordinator.settings.RunSetting;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The settings of a run that is a trace: one measurement without warm-up or chance, on a given batch.
 *
 * @param settings of the run
 * @param images of the batch
 * @param imageSize height and width of an image in pixels
 */
record TraceOrder(Map<RunSetting, String> settings, long images, long imageSize) {
    private static final String INPUTS = "inputs";
    private static final int DIMENSIONS = 4;

    TraceOrder {
        settings = Map.copyOf(settings);
    }

    /**
     * Makes the settings; the shapes are read from the files' headers.
     *
     * @param chosen settings that are the caller's choice, {@link RunSetting#WEIGHTS} and what the trace is to be of; they win
     * @throws LockstepException USAGE, naming the file, when it is not sound or not of a fitting shape
     */
    static TraceOrder of(Path data, Path out, int devices, int steps, Map<RunSetting, String> chosen) {
        Map<RunSetting, String> settings = new EnumMap<>(RunSetting.class);
        List<Long> shape = inputs(data);
        settings.put(RunSetting.DATA, DataSpec.TENSORS_PREFIX + data);
        settings.put(RunSetting.TRACE, out.toString());
        settings.put(RunSetting.DEVICES, String.valueOf(devices));
        settings.put(RunSetting.STEPS, String.valueOf(steps));
        settings.put(RunSetting.GLOBAL_BATCH, shape.get(0).toString());
        settings.put(RunSetting.IMAGE_SIZE, shape.get(2).toString());
        settings.put(RunSetting.WARMUP, "0");
        settings.put(RunSetting.DROPOUT, "0");
        settings.put(RunSetting.STOCHASTIC_DEPTH, "0");
        settings.put(RunSetting.STRATEGY, "data-parallel");
        settings.put(RunSetting.PRECISION, "fp32");
        if (chosen.containsKey(RunSetting.WEIGHTS)) {
            settings.put(RunSetting.CLASSES, String.valueOf(classes(Path.of(chosen.get(RunSetting.WEIGHTS)))));
        }
        settings.putAll(chosen);
        return new TraceOrder(settings, shape.get(0), shape.get(2));
    }

    /** The settings as they go to the coordinator. */
    Map<String, String> byKey() {
        return RunSetting.byKey(settings);
    }

    private static List<Long> inputs(Path data) {
        try (Safetensors tensors = Safetensors.read(data)) {
            TensorInfo inputs = tensors.info(INPUTS);
            List<Long> shape = inputs.shape();
            if (inputs.type() != TensorType.F32
                    || shape.size() != DIMENSIONS
                    || shape.get(1) != ModelSpec.CHANNELS
                    || !shape.get(2).equals(shape.get(3))) {
                throw new LockstepException(
                        FailureCategory.USAGE,
                        "%s: tensor '%s' is %s %s, but must be F32 [N, 3, H, H]: square images with three channels"
                                .formatted(data, INPUTS, inputs.type(), shape));
            }
            return shape;
        }
    }

    private static long classes(Path weights) {
        try (Safetensors tensors = Safetensors.read(weights)) {
            List<Long> shape = tensors.shape(ModelSpec.HEAD_WEIGHT);
            if (shape.size() != 2) {
                throw new LockstepException(
                        FailureCategory.USAGE,
                        "%s: tensor '%s' has shape %s, but must have [classes, features]"
                                .formatted(weights, ModelSpec.HEAD_WEIGHT, shape));
            }
            return shape.get(0);
        }
    }
}
