package dev.lockstep.common.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.lockstep.common.failure.LockstepException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The JSON header of a safetensors file, checked: the tensors fill the data from its first byte to its last, without overlap or hole.
 *
 * @param tensors in the order of their data
 * @param metadata free text about the file, by key
 */
record SafetensorsHeader(List<TensorInfo> tensors, Map<String, String> metadata) {
    /** What the format itself allows. */
    static final long LONGEST_BYTES = 100_000_000;

    static final String METADATA = "__metadata__";

    /** The header's own length is a multiple of this, so that the data is aligned. */
    private static final int ALIGNMENT = 8;

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    SafetensorsHeader {
        tensors = List.copyOf(tensors);
        metadata = Collections.unmodifiableMap(new TreeMap<>(metadata));
    }

    /**
     * Reads and checks a header.
     *
     * @param file for the messages
     * @param text the header's bytes, padding included
     * @param dataBytes bytes of the file behind the header
     * @throws LockstepException USAGE, naming what is wrong with which tensor
     */
    static SafetensorsHeader parse(Path file, ByteBuffer text, long dataBytes) {
        JsonNode root = json(file, text);
        if (!root.isObject()) {
            throw Refusal.of(file, "its header is not a JSON object: this is not a safetensors file");
        }
        List<TensorInfo> tensors = new ArrayList<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            if (field.getKey().equals(METADATA)) {
                metadata.putAll(metadata(file, field.getValue()));
            } else {
                tensors.add(tensor(file, field.getKey(), field.getValue(), dataBytes));
            }
        }
        tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
        requireNoGaps(file, tensors, dataBytes);
        return new SafetensorsHeader(tensors, metadata);
    }

    private static JsonNode json(Path file, ByteBuffer text) {
        try {
            return JSON.readTree(
                    StandardCharsets.UTF_8.newDecoder().decode(text).toString());
        } catch (CharacterCodingException e) {
            throw Refusal.of(file, "its header is not UTF-8 text: this is not a safetensors file", e);
        } catch (JsonProcessingException e) {
            throw Refusal.of(file, "its header is not valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    private static Map<String, String> metadata(Path file, JsonNode node) {
        if (!node.isObject()) {
            throw Refusal.of(file, METADATA + " in its header is not a JSON object");
        }
        Map<String, String> metadata = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (!field.getValue().isTextual()) {
                throw Refusal.of(
                        file,
                        METADATA + " in its header has " + Refusal.quoted(field.getKey()) + ", which is not text");
            }
            metadata.put(field.getKey(), field.getValue().textValue());
        }
        return metadata;
    }

    private static TensorInfo tensor(Path file, String name, JsonNode node, long dataBytes) {
        String subject = "tensor " + Refusal.quoted(name);
        if (!node.isObject()) {
            throw Refusal.of(file, subject + " is not described by a JSON object");
        }
        String typeName = node.path("dtype").asText();
        TensorType type = TensorType.named(typeName)
                .orElseThrow(() -> Refusal.of(
                        file,
                        subject + " has dtype " + Refusal.quoted(typeName) + ", but Lockstep reads "
                                + TensorType.names()));
        List<Long> shape = counts(file, subject, node, "shape");
        List<Long> offsets = counts(file, subject, node, "data_offsets");
        if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
            throw Refusal.of(file, subject + " has data_offsets " + offsets + ", not a begin and an end");
        }
        long begin = offsets.get(0);
        long end = offsets.get(1);
        if (end > dataBytes) {
            throw Refusal.of(
                    file,
                    subject + " ends at byte " + end + " of the data, but the file has only " + dataBytes
                            + ": it is cut short or damaged");
        }
        long bytes = bytes(file, subject, type, shape);
        if (end - begin != bytes) {
            throw Refusal.of(
                    file,
                    subject + " of dtype " + type + " and shape " + shape + " needs " + bytes
                            + " bytes, but its data_offsets " + offsets + " hold " + (end - begin));
        }
        return new TensorInfo(name, type, shape, begin, end);
    }

    private static List<Long> counts(Path file, String subject, JsonNode node, String key) {
        JsonNode array = node.path(key);
        if (!array.isArray()) {
            throw Refusal.of(file, subject + " has no list " + key);
        }
        List<Long> counts = new ArrayList<>(array.size());
        for (JsonNode element : array) {
            if (!element.isIntegralNumber() || !element.canConvertToLong() || element.longValue() < 0) {
                throw Refusal.of(
                        file,
                        subject + " has " + element + " in its " + key + ", not a whole number from 0 to 2^63 - 1");
            }
            counts.add(element.longValue());
        }
        return counts;
    }

    private static long bytes(Path file, String subject, TensorType type, List<Long> shape) {
        try {
            return type.bytes(shape);
        } catch (ArithmeticException e) {
            throw Refusal.of(file, subject + " has shape " + shape + ", which is larger than any file", e);
        }
    }

    private static void requireNoGaps(Path file, List<TensorInfo> tensors, long dataBytes) {
        long position = 0;
        String before = "the header";
        for (TensorInfo tensor : tensors) {
            String subject = "tensor " + Refusal.quoted(tensor.name());
            if (tensor.begin() < position) {
                throw Refusal.of(file, subject + " overlaps " + before);
            }
            if (tensor.begin() > position) {
                throw Refusal.of(
                        file,
                        "between " + before + " and " + subject + " are " + (tensor.begin() - position)
                                + " bytes of no tensor");
            }
            position = tensor.end();
            before = subject;
        }
        if (position < dataBytes) {
            throw Refusal.of(file, (dataBytes - position) + " bytes follow " + before + ", which should be the last");
        }
    }

    /**
     * The header of a file to be written.
     *
     * <p>Larger elements come first, otherwise the order stays: so every tensor is aligned to its element size, which readers that
     * map the file need.
     *
     * @throws IllegalArgumentException if a name occurs twice or is reserved
     */
    static SafetensorsHeader describing(List<NamedTensor> tensors, Map<String, String> metadata) {
        Map<String, TensorInfo> described = new LinkedHashMap<>();
        long position = 0;
        for (NamedTensor tensor : inFileOrder(tensors)) {
            long end = Math.addExact(position, tensor.type().bytes(tensor.shape()));
            TensorInfo info = new TensorInfo(tensor.name(), tensor.type(), tensor.shape(), position, end);
            if (tensor.name().equals(METADATA) || described.put(tensor.name(), info) != null) {
                throw new IllegalArgumentException("tensor name '" + tensor.name() + "' is reserved or used twice");
            }
            position = end;
        }
        return new SafetensorsHeader(List.copyOf(described.values()), metadata);
    }

    static List<NamedTensor> inFileOrder(List<NamedTensor> tensors) {
        return tensors.stream()
                .sorted(Comparator.comparingInt(
                        (NamedTensor tensor) -> -tensor.type().elementBytes()))
                .toList();
    }

    /** The header as it stands in the file: compact JSON, padded with spaces. The same for the same tensors and metadata. */
    byte[] toBytes() throws JsonProcessingException {
        ObjectNode root = JSON.createObjectNode();
        if (!metadata.isEmpty()) {
            ObjectNode node = root.putObject(METADATA);
            metadata.forEach(node::put);
        }
        for (TensorInfo tensor : tensors) {
            ObjectNode node = root.putObject(tensor.name());
            node.put("dtype", tensor.type().name());
            ArrayNode shape = node.putArray("shape");
            tensor.shape().forEach(shape::add);
            node.putArray("data_offsets").add(tensor.begin()).add(tensor.end());
        }
        byte[] text = JSON.writeValueAsBytes(root);
        byte[] padded = Arrays.copyOf(text, (text.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        return padded;
    }
}
