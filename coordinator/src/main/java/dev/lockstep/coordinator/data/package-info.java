/** Where batches come from: made-up images, or photographs decoded ahead of the step. Free of Akka. */
package dev.lockstep.coordinator.data;
