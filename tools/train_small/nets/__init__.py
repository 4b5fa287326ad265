# SPDX-License-Identifier: Apache-2.0
"""The five networks under the names of their files' tensors, so that a state_dict is a file's contents."""
