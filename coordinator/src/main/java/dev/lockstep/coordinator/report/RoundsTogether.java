package dev.lockstep.coordinator.report;

import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.report.GpuConditions;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Makes one row of a configuration's rounds: its figures are over the steps of all of them. */
public final class RoundsTogether {
    private RoundsTogether() {}

    /**
     * What one round measured.
     *
     * @param measuredByRank [rank][step]
     * @param summariesByRank [rank]
     * @param dataWaitMillis mean time a measured step waited for its batch; null for synthetic data
     * @param gpus how the GPUs fared; null where it is not known
     */
    public record Part(
            List<List<StepReport>> measuredByRank,
            List<ReplicaSummary> summariesByRank,
            Double dataWaitMillis,
            GpuConditions gpus) {}

    /**
     * The row of one or more rounds; {@link Results#ok} says more. Loss, checksum and loss scale are the last round's: every round begins
     * with the same weights.
     *
     * @param spec of one round
     * @param parts in order, at least one
     */
    public static Result result(MeasurementSpec spec, List<String> deviceIds, String collective, List<Part> parts) {
        List<List<StepReport>> measured = new ArrayList<>();
        List<ReplicaSummary> summaries = new ArrayList<>();
        for (int rank = 0; rank < spec.deviceCount(); rank++) {
            int of = rank;
            measured.add(parts.stream()
                    .flatMap(part -> part.measuredByRank.get(of).stream())
                    .toList());
            summaries.add(summary(
                    parts.stream().map(part -> part.summariesByRank.get(of)).toList()));
        }
        return Results.ok(
                        spec.withSteps(spec.steps() * parts.size()),
                        deviceIds,
                        collective,
                        measured,
                        summaries,
                        mean(parts.stream().map(Part::dataWaitMillis).toList()))
                .withGpus(GpuConditions.together(
                        parts.stream().map(Part::gpus).filter(Objects::nonNull).toList()));
    }

    /** The last one with the peak of all. */
    private static ReplicaSummary summary(List<ReplicaSummary> ofRounds) {
        ReplicaSummary last = ofRounds.get(ofRounds.size() - 1);
        Double peak = ofRounds.stream()
                .map(ReplicaSummary::peakMemoryMiB)
                .filter(Objects::nonNull)
                .max(Double::compare)
                .orElse(null);
        return new ReplicaSummary(last.parameterChecksum(), peak, last.memoryKind(), last.amp(), last.tf32());
    }

    /** Rounds have the same number of steps, so that each counts the same; null when any does not have the figure. */
    private static Double mean(List<Double> ofRounds) {
        return ofRounds.contains(null)
                ? null
                : (Double) ofRounds.stream()
                        .mapToDouble(Double::doubleValue)
                        .average()
                        .orElseThrow();
    }
}
