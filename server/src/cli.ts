#!/usr/bin/env node
// The command line's entry.
import './v8-tuning';
import { runProgram } from './code-cache';

runProgram('cli-program.js');
