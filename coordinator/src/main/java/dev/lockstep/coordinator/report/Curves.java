package dev.lockstep.coordinator.report;

import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.report.Result;
import java.util.List;
import java.util.function.Predicate;

/** Ways of training among some results, by name: what one curve of a plot is drawn for. */
record Curves(List<Result> results) {
    /**
     * The curve of a result: {@code fp32, data-parallel}, with its batch where several were measured of that, as in
     * {@code fp32, data-parallel, 16 per device}.
     */
    String name(Result result) {
        return name(
                result.precision().label() + ", " + result.strategy().label(),
                result,
                other -> other.precision() == result.precision() && other.strategy() == result.strategy());
    }

    /** What is ideal whatever the strategy: {@code ideal, fp32}, with the batch where that precision has several. */
    String idealName(Result result) {
        return name("ideal, " + result.precision().label(), result, other -> other.precision() == result.precision());
    }

    private String name(String name, Result result, Predicate<Result> siblings) {
        long batches = results.stream()
                .filter(siblings)
                .map(Speedups::sizeOf)
                .distinct()
                .count();
        if (batches < 2) {
            return name;
        }
        boolean weak = result.provenance().scaling() == Scaling.WEAK;
        return "%s, %d %s".formatted(name, Speedups.sizeOf(result), weak ? "per device" : "in all");
    }
}
