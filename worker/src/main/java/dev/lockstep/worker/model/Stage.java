package dev.lockstep.worker.model;

/**
 * A row of EfficientNet's table, before scaling.
 *
 * @param expandRatio expanded over input channels
 * @param kernel height and width of the depthwise kernel
 * @param stride of the stage's first block
 * @param blocks repetitions
 */
record Stage(int expandRatio, int kernel, int stride, int inputChannels, int outputChannels, int blocks) {}
