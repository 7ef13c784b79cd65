package dev.lockstep.common.work;

/**
 * What a bare training loop is to do: the training of one replica without anything around it.
 *
 * @param batch images in each step, made up once
 * @param warmupSteps before the loop is ready to be measured
 * @param steps to be timed
 */
public record BareOrder(TrainingSpec training, int batch, int warmupSteps, int steps) {}
