/** torch's optimizers over flat memory. Knows no Akka. */
package dev.lockstep.worker.optimizer;
