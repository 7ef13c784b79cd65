package dev.lockstep.coordinator.report;

import dev.lockstep.common.report.Quality.Outliers;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.commons.statistics.descriptive.Quantile;
import org.apache.commons.statistics.descriptive.Quantile.EstimationMethod;

/** Finds samples that lie far out by Tukey's rule. */
final class OutlierRule {
    /** The rule in words. */
    static final String TEXT = "more than 3 interquartile ranges below the first or above the third quartile";

    private static final double RANGES = 3;
    private static final double[] QUARTILES = {0.25, 0.75};

    private OutlierRule() {}

    /** The outliers among these samples, at least one. */
    static Outliers apply(List<Double> samples) {
        double[] quartiles = Quantile.withDefaults()
                .with(EstimationMethod.HF7)
                .evaluate(samples.stream().mapToDouble(Double::doubleValue).toArray(), QUARTILES);
        double reach = RANGES * (quartiles[1] - quartiles[0]);
        List<Integer> far = IntStream.range(0, samples.size())
                .filter(i -> samples.get(i) < quartiles[0] - reach || samples.get(i) > quartiles[1] + reach)
                .boxed()
                .toList();
        return new Outliers(TEXT, far.size(), far);
    }
}
