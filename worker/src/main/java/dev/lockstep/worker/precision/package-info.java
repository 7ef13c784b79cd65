/** Mixed precision as torch.amp has it: autocast and the scaling of the loss. Knows no Akka. */
package dev.lockstep.worker.precision;
