package dev.lockstep.worker.step;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.Safetensors;
import dev.lockstep.common.tensor.SafetensorsWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A replica's state as a safetensors file of torchvision's state_dict: {@code load_state_dict} takes it with {@code strict=True}, and
 * the other way round.
 *
 * <p>Batch norms count the batches they saw in {@code num_batches_tracked}. Nothing in training reads that number, so that replicas do
 * not keep it: it is what the file said, 0 where it said nothing, and one more for each of the replica's forward passes.
 */
final class Checkpoint {
    /** What {@code safetensors.torch} writes; some readers insist on it. */
    private static final Map<String, String> FORMAT = Map.of("format", "pt");

    private static final String ONE_OF_EACH_BATCH_NORM = ".running_mean";
    private static final String BATCHES = ".num_batches_tracked";

    private final Replica replica;
    private final List<String> batchNorms;
    private final Map<String, Long> batchesBefore = new HashMap<>();

    /** @param replica whose state is loaded and saved */
    Checkpoint(Replica replica) {
        this.replica = replica;
        this.batchNorms = replica.buffers().layout().places().keySet().stream()
                .filter(name -> name.endsWith(ONE_OF_EACH_BATCH_NORM))
                .map(name -> name.substring(0, name.length() - ONE_OF_EACH_BATCH_NORM.length()))
                .toList();
    }

    /**
     * Gives the replica the parameters and running statistics of a file. Half-precision tensors are widened, which is exact.
     *
     * @return the text that came with the tensors
     * @throws dev.lockstep.common.failure.LockstepException USAGE naming the tensor, if the file is damaged or another model's; the
     *     replica is then useless
     */
    Map<String, String> load(Path file) {
        try (Safetensors tensors = Safetensors.read(file)) {
            List<String> needed = new ArrayList<>();
            for (FlatTensor flat : flats()) {
                needed.addAll(flat.layout().places().keySet());
            }
            tensors.requireNames(
                    needed, batchNorms.stream().map(norm -> norm + BATCHES).toList());
            for (FlatTensor flat : flats()) {
                load(tensors, flat);
            }
            for (String norm : batchNorms) {
                if (tensors.contains(norm + BATCHES)) {
                    tensors.requireShape(norm + BATCHES);
                    batchesBefore.put(norm, tensors.longs(norm + BATCHES)[0]);
                }
            }
            return tensors.metadata();
        }
    }

    private static void load(Safetensors tensors, FlatTensor flat) {
        try (NDManager scope = flat.array().getManager().newSubManager()) {
            FlatTensor host = flat.onHost(scope);
            flat.layout().places().forEach((name, place) -> {
                tensors.requireShape(name, place.shape().getShape());
                host.write(name, tensors.floats(name));
            });
            flat.set(host);
        }
    }

    /**
     * Writes the replica's parameters and running statistics.
     *
     * @param metadata text to go with them
     * @throws dev.lockstep.common.failure.LockstepException if the file cannot be written
     */
    void save(Path file, Map<String, String> metadata) {
        List<NamedTensor> tensors = new ArrayList<>();
        try (NDManager scope = replica.parameters().array().getManager().newSubManager()) {
            flats().forEach(flat -> tensors.addAll(flat.onHost(scope).named("")));
            addBatches(tensors);
            Map<String, String> text = new HashMap<>(metadata);
            text.putAll(FORMAT);
            SafetensorsWriter.write(file, tensors, text);
        }
    }

    private void addBatches(List<NamedTensor> tensors) {
        for (String norm : batchNorms) {
            long batches = batchesBefore.getOrDefault(norm, 0L) + replica.forwardPasses();
            tensors.add(NamedTensor.longs(norm + BATCHES, new long[] {batches}));
        }
    }

    private List<FlatTensor> flats() {
        return List.of(replica.parameters(), replica.buffers());
    }
}
