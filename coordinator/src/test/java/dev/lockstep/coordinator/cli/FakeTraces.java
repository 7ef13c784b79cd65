package dev.lockstep.coordinator.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.SafetensorsWriter;
import dev.lockstep.coordinator.api.RunRequest;
import dev.lockstep.coordinator.api.RunView;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Answers each submission as a cluster that writes its trace at once. */
final class FakeTraces {
    private FakeTraces() {}

    /** What a run traces. */
    record Content(float loss, float logit, float gradient) {}

    /** Makes a coordinator trace what {@code content} says of a submission's settings. */
    static void answer(FakeCoordinator coordinator, Function<Map<String, String>, Content> content) {
        coordinator.on("POST /runs", () -> {
            List<String> bodies = coordinator.bodies();
            Map<String, String> settings = read(bodies.get(bodies.size() - 1)).settings();
            write(settings, content.apply(settings));
            return new FakeCoordinator.Answer(
                    201,
                    new RunView("r" + bodies.size(), "completed", Instant.EPOCH, List.of(), List.of(), "/there", null));
        });
    }

    static RunRequest read(String body) {
        try {
            return Json.MAPPER.readValue(body, RunRequest.class);
        } catch (JsonProcessingException e) {
            throw new AssertionError(body, e);
        }
    }

    static void write(Map<String, String> settings, Content content) {
        int steps = Integer.parseInt(settings.get("steps"));
        int images = Integer.parseInt(settings.get("global-batch"));
        SafetensorsWriter.write(
                Path.of(settings.get("trace")),
                List.of(
                        NamedTensor.floats("loss", filled(steps, content.loss), steps),
                        NamedTensor.floats("logits", filled(images * 2, content.logit), images, 2),
                        NamedTensor.floats("grad/head", filled(3, content.gradient), 3),
                        NamedTensor.floats("param/head", filled(3, 1), 3),
                        NamedTensor.floats("buffer/mean", filled(3, 1), 3)),
                Map.of());
    }

    private static float[] filled(int count, float value) {
        float[] values = new float[count];
        Arrays.fill(values, value);
        return values;
    }
}
