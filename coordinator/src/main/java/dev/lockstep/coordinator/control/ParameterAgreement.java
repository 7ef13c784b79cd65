package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.work.ReplicaSummary;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Whether all replicas hold the same parameters at the end of a measurement, idle ones included. */
final class ParameterAgreement {
    private ParameterAgreement() {}

    /**
     * Compares the checksums.
     *
     * @param summaries in rank order
     * @return which ranks hold what; empty when all agree
     */
    static Optional<Failure> check(List<ReplicaSummary> summaries) {
        Map<String, List<Integer>> ranks = IntStream.range(0, summaries.size())
                .boxed()
                .collect(Collectors.groupingBy(
                        rank -> summaries.get(rank).parameterChecksum(), TreeMap::new, Collectors.toList()));
        if (ranks.size() == 1) {
            return Optional.empty();
        }
        String who = ranks.entrySet().stream()
                .sorted(Map.Entry.comparingByValue((one, other) -> Integer.compare(one.get(0), other.get(0))))
                .map(entry -> entry.getKey() + " on rank "
                        + entry.getValue().stream().map(String::valueOf).collect(Collectors.joining(", ")))
                .collect(Collectors.joining("; "));
        return Optional.of(new Failure(
                FailureCategory.INTERNAL, "the replicas' parameters differ at the end, by checksum: " + who));
    }
}
