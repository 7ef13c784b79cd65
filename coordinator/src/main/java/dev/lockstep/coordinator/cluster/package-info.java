/** Starting and ending the coordinator's process. */
package dev.lockstep.coordinator.cluster;
