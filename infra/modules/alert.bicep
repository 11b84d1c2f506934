metadata description = 'Tells somebody that collecting has failed for a source, or stands still.'

@description('Required. Name of the rule.')
param name string

@description('Required. Region of the workspace.')
param location string

@description('Required. Resource id of the workspace.')
param workspaceResourceId string

@description('Optional. Mail address that is told.')
param email string = ''

@description('Optional. Resource ids of action groups that are told.')
param actionGroupResourceIds array = []

@description('Optional. Tags.')
param tags object = {}

resource group 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(email)) {
  name: 'ag-${name}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'posture'
    emailReceivers: [{ name: 'mail', emailAddress: email, useCommonAlertSchema: true }]
  }
}

resource rule 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Posture: collecting has failed'
    description: 'Status and Message of each row say what to do; docs/check.md goes on.'
    enabled: true
    severity: 2
    scopes: [workspaceResourceId]
    evaluationFrequency: 'PT1H'
    windowSize: 'P1D'
    autoMitigate: true
    // A table that was made a moment ago isn't known to the query yet.
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: loadTextContent('collection-failure.kql')
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: concat(empty(email) ? [] : [group.id], actionGroupResourceIds) }
  }
}
