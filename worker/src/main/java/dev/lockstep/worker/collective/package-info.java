/** How replicas meet within a step and move tensors between each other. Knows no Akka. */
package dev.lockstep.worker.collective;
