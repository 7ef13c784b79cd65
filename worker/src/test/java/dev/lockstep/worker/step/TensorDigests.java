package dev.lockstep.worker.step;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Iterator;
import java.util.Map;

/** Compares tensors with digests of the reference program's, by its own rule. */
final class TensorDigests {
    private static final int SAMPLES = 8;

    private final JsonNode expected;

    TensorDigests(String resource) throws IOException {
        try (InputStream stream = TensorDigests.class.getResourceAsStream(resource)) {
            expected = new ObjectMapper().readTree(stream);
        }
    }

    /** The error of each tensor of the digests, relative to its own size; infinite where it is missing or of another size. */
    Map<String, Double> errors(Map<String, float[]> tensors) {
        Map<String, Double> floors = floors();
        Map<String, Double> errors = new HashMap<>();
        for (Iterator<String> names = expected.fieldNames(); names.hasNext(); ) {
            String name = names.next();
            float[] got = tensors.get(name);
            JsonNode want = expected.get(name);
            errors.put(
                    name,
                    got == null || got.length != size(want)
                            ? Double.POSITIVE_INFINITY
                            : error(name, got, want, floors.get(group(name))));
        }
        return errors;
    }

    /**
     * The cosine of the angle between tensors of a group and the digests', estimated from their samples: each stands for its share
     * of its tensor.
     *
     * @param prefix of the group's names
     */
    double cosine(String prefix, Map<String, float[]> tensors) {
        double product = 0;
        double ownSquares = 0;
        double wantedSquares = 0;
        for (Map.Entry<String, JsonNode> entry : expected.properties()) {
            if (!entry.getKey().startsWith(prefix)) {
                continue;
            }
            float[] got = tensors.get(entry.getKey());
            for (int i = 0; i < SAMPLES; i++) {
                double wanted = entry.getValue().get("values").get(i).asDouble();
                double own = got[(int) (ConformanceValues.value(0, entry.getKey(), i) * got.length)];
                product += got.length * wanted * own;
                ownSquares += got.length * own * own;
                wantedSquares += got.length * wanted * wanted;
            }
        }
        return product / Math.sqrt(ownSquares * wantedSquares);
    }

    /** A gradient that is zero but for rounding is compared on the scale of its group. */
    private Map<String, Double> floors() {
        Map<String, Double> floors = new HashMap<>();
        expected.properties()
                .forEach(entry -> floors.merge(
                        group(entry.getKey()),
                        1e-4 * entry.getValue().get("l2").asDouble() / Math.sqrt(size(entry.getValue())),
                        Math::max));
        return floors;
    }

    private static double error(String name, float[] got, JsonNode want, double floor) {
        int n = got.length;
        double sum = 0;
        double squares = 0;
        for (float value : got) {
            sum += value;
            squares += (double) value * value;
        }
        double l2 = want.get("l2").asDouble();
        double rms = l2 / Math.sqrt(n) + floor;
        double worst = Math.max(
                Math.abs(Math.sqrt(squares) - l2) / (rms * Math.sqrt(n)),
                Math.abs(sum - want.get("sum").asDouble()) / (rms * n));
        for (int i = 0; i < SAMPLES; i++) {
            double value = want.get("values").get(i).asDouble();
            int at = (int) (ConformanceValues.value(0, name, i) * n);
            worst = Math.max(worst, Math.abs(got[at] - value) / (rms + Math.abs(value)));
        }
        return Double.isNaN(worst) ? Double.POSITIVE_INFINITY : worst;
    }

    private static int size(JsonNode want) {
        int size = 1;
        for (JsonNode dimension : want.get("shape")) {
            size *= dimension.asInt();
        }
        return size;
    }

    private static String group(String name) {
        return name.replaceAll("/.*", "");
    }
}
