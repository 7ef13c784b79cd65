/** The training step of one replica, from scatter to optimizer, and what surrounds it. Knows no Akka. */
package dev.lockstep.worker.step;
