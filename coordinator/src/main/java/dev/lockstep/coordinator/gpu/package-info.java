/** NVIDIA GPUs as the coordinator sees them: what there is, what may be used, and what a worker on one needs. Knows no Akka. */
package dev.lockstep.coordinator.gpu;
