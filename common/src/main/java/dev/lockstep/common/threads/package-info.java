/** Where threads run. */
package dev.lockstep.common.threads;
