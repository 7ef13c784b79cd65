/** The devices of the cluster and the worker process of each: spawned, introduced, lent, replaced, stopped. */
package dev.lockstep.coordinator.workers;
