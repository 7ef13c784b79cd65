package dev.lockstep.coordinator.overhead;

import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.report.Result;
import dev.lockstep.common.report.Result.StepMillis;

/**
 * The step of a model that computes nothing: what is left is orchestration.
 *
 * @param tls whether the cluster's processes spoke TLS
 * @param steps how many were timed
 */
public record EmptyStep(int workers, boolean tls, Strategy strategy, int steps, StepMillis stepMillis) {
    /** A measurement of Lockstep that is ok. */
    public static EmptyStep of(Result result, boolean tls) {
        return new EmptyStep(result.deviceCount(), tls, result.strategy(), result.steps(), result.stepMillis());
    }
}
