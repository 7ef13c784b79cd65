package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Result.StepMillis;
import java.util.List;

/** Figures as a measurement finds them. */
final class Samples {
    private Samples() {}

    static Throughput throughput(double imagesPerSecond, double replicateMillis) {
        return new Throughput(imagesPerSecond, imagesPerSecond, List.of(List.of(1.0, 2.0)), 0, replicateMillis);
    }

    static Comparison comparison(int devices, Strategy strategy, double ratio, double replicateMillis) {
        return Comparison.of(
                new Contender(devices, strategy),
                List.of(Comparison.Round.of(throughput(1, 0), throughput(ratio, replicateMillis))));
    }

    static EmptyStep emptyStep(int workers, boolean tls, double medianMillis, double p99Millis) {
        StepMillis millis = new StepMillis(medianMillis, medianMillis, 0.1, p99Millis, p99Millis, 0.1, 0.1, 20);
        return new EmptyStep(workers, tls, Strategy.DATA_PARALLEL, 100, millis);
    }
}
